#ifndef D3_CMPI_H
#define D3_CMPI_H

#include <stddef.h>

// What the transport needs of MPI, as plain functions: the handles of MPI are integers in one implementation and
// pointers in another, and its constants are macros, so that only code compiled by the site's own mpicc can use them.
//
// All of them are called by one thread, the one that called init.
typedef struct {
    // Changes with this table; a library with another one isn't used.
    int version;
    // Joins the job. 0, or -1 with a message.
    int (*init)(int *rank, int *size, char *message, size_t capacity);
    // Name and version of the implementation.
    const char *(*library)(void);
    // Begin a transfer of up to INT_MAX bytes; the buffer stays until it is done. NULL when MPI refuses.
    void *(*send)(const void *bytes, size_t count, int to, int tag);
    void *(*receive)(void *bytes, size_t count, int from, int tag);
    // Whether a transfer is done: 1 yes, 0 not yet, -1 failed. After 1 or -1 the transfer is gone.
    int (*test)(void *transfer);
    // Whether a message with that tag is there to be received: 1, 0, or -1 on failure.
    int (*probe)(int tag, int *from, size_t *count);
    // Leaves the job, together with all ranks.
    void (*finalize)(void);
    // Ends all processes of the job.
    void (*abort)(int code);
} d3_mpi;

enum { D3_MPI_VERSION = 1 };

// The name of the function that gives the table, in the library that `make mpi` builds from shim.c.
#define D3_MPI_TABLE "d3_mpi_table"
typedef const d3_mpi *(*d3_mpi_table_function)(void);

// Loads the library at that path. NULL with a message when it can't be loaded, or has another table.
const d3_mpi *d3_mpi_load(const char *path, char *message, size_t capacity);

#endif
