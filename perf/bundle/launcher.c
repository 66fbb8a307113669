// Starts the .NET program that bears this one's name and lies in the folder app beside it, on the runtime there. Unlike .NET's own starter it does so on a second thread: of the first,
// the runtime can only learn the stack from /proc, which a bare root may lack.
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

typedef int host_main(int count, char** words, const char* program, const char* root, const char* assembly);

static int count, code = 1;
static char** words;

static void* start(void* unused) {
    static char program[PATH_MAX], root[PATH_MAX + 8], host[PATH_MAX + 32], assembly[2 * PATH_MAX];
    if (!realpath((const char*)getauxval(AT_EXECFN), program)) { perror(words[0]); return NULL; }
    char* name = strrchr(program, '/') + 1;
    snprintf(root, sizeof root, "%.*sapp", (int)(name - program), program);
    snprintf(host, sizeof host, "%s/libhostfxr.so", root);
    snprintf(assembly, sizeof assembly, "%s/%s.dll", root, name);
    void* library = dlopen(host, RTLD_NOW);
    host_main* run = library ? (host_main*)dlsym(library, "hostfxr_main_startupinfo") : NULL;
    if (run) code = run(count, words, program, root, assembly);
    else fprintf(stderr, "%s: %s\n", words[0], dlerror());
    return NULL;
}

int main(int given, char** arguments) {
    pthread_t thread;
    count = given;
    words = arguments;
    if (pthread_create(&thread, NULL, start, NULL)) return code;
    pthread_join(thread, NULL);
    return code;
}
