#include "CMPI.h"

#include <dlfcn.h>
#include <stdio.h>

const d3_mpi *d3_mpi_load(const char *path, char *message, size_t capacity) {
    // Global, because implementations load plug-ins that expect the library's symbols.
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        snprintf(message, capacity, "%s", dlerror());
        return NULL;
    }
    d3_mpi_table_function table = (d3_mpi_table_function)dlsym(library, D3_MPI_TABLE);
    const d3_mpi *functions = table ? table() : NULL;
    if (!functions || functions->version != D3_MPI_VERSION) {
        snprintf(message, capacity, "it was built from other sources than this program");
        return NULL;
    }
    return functions;
}
