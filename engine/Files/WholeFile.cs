namespace MiniTorch;

/// <summary>Files that are there whole or not at all: written beside their place, as NAME.new, and renamed when they are on the disk. Whoever reads never meets half of one.</summary>
public static class WholeFile
{
    /// <summary>Writes a file; if that fails, what was there before stays, nothing is left beside it, and an <see cref="IOException"/> names the file.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string beside = path + ".new";
        try
        {
            using (FileStream stream = new(beside, FileMode.Create, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(beside)) File.Delete(beside);
            throw new IOException($"{path} could not be written ({e.Message.TrimEnd('.')}); check permissions and free space; what was written before is whole", e);
        }
    }

    /// <summary>Writes bytes.</summary>
    public static void Write(string path, ReadOnlyMemory<byte> bytes) => Write(path, stream => stream.Write(bytes.Span));
}
