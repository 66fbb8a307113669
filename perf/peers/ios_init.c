/* What GCC 13's C++ runtime added and older ones lack: std::ios_base_library_init(). It does nothing; it only has to be there. */
void _ZSt21ios_base_library_initv(void)
{
}
