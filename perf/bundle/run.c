// Starts run.dll by the host beside it, on a second thread: the runtime asks the system for the limits of the stack, which for the first thread only /proc can tell.
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*Start)(int count, const char** arguments, const char* host, const char* root, const char* application);

static int count, code = 1;
static const char** arguments;

static void* run(void* unused)
{
    static char self[PATH_MAX], folder[PATH_MAX], library[PATH_MAX + 32], application[PATH_MAX + 32];
    if (!realpath(arguments[0], self))
    {
        fprintf(stderr, "error: %s is not found; start it by its path\n", arguments[0]);
        return unused;
    }
    strcpy(folder, self);
    dirname(folder);
    snprintf(library, sizeof library, "%s/libhostfxr.so", folder);
    snprintf(application, sizeof application, "%s/run.dll", folder);
    void* host = dlopen(library, RTLD_NOW);
    Start start = host ? (Start)dlsym(host, "hostfxr_main_startupinfo") : 0;
    if (!start) fprintf(stderr, "error: %s\n", dlerror());
    else code = start(count, arguments, self, folder, application);
    return unused;
}

int main(int given, char** values)
{
    count = given;
    arguments = (const char**)values;
    pthread_t thread;
    if (pthread_create(&thread, 0, run, 0) || pthread_join(thread, 0)) return 1;
    return code;
}
