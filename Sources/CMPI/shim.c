// The only file that knows MPI; `make mpi` compiles it with the site's mpicc into a library beside d3llm.
#include "CMPI.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static int init(int *rank, int *size, char *message, size_t capacity) {
    int provided = 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
        snprintf(message, capacity, "MPI_Init_thread failed");
        return -1;
    }
    if (provided < MPI_THREAD_FUNNELED) {
        snprintf(message, capacity, "this MPI was built without support for programs with threads");
        return -1;
    }
    // A rank that is gone makes calls fail instead of ending the process.
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, size);
    return 0;
}

static const char *library(void) {
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(text, &length);
    return text;
}

static void *begun(MPI_Request request, int result) {
    if (result != MPI_SUCCESS) return NULL;
    MPI_Request *box = malloc(sizeof *box);
    if (box) *box = request;
    return box;
}

static void *send_bytes(const void *bytes, size_t count, int to, int tag) {
    MPI_Request request;
    int result = MPI_Isend(bytes, (int)count, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request);
    return begun(request, result);
}

static void *receive_bytes(void *bytes, size_t count, int from, int tag) {
    MPI_Request request;
    int result = MPI_Irecv(bytes, (int)count, MPI_BYTE, from, tag, MPI_COMM_WORLD, &request);
    return begun(request, result);
}

static int test(void *transfer) {
    MPI_Request *box = transfer;
    int done = 0;
    int result = MPI_Test(box, &done, MPI_STATUS_IGNORE);
    if (result == MPI_SUCCESS && !done) return 0;
    free(box);
    return result == MPI_SUCCESS ? 1 : -1;
}

static int probe(int tag, int *from, size_t *count) {
    MPI_Status status;
    int there = 0, bytes = 0;
    if (MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &there, &status) != MPI_SUCCESS) return -1;
    if (!there) return 0;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    *from = status.MPI_SOURCE;
    *count = (size_t)bytes;
    return 1;
}

static void finalize(void) { MPI_Finalize(); }

static void end_all(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

// Found by its name.
__attribute__((visibility("default"))) const d3_mpi *d3_mpi_table(void);

const d3_mpi *d3_mpi_table(void) {
    static const d3_mpi table = {D3_MPI_VERSION, init, library, send_bytes, receive_bytes, test, probe, finalize,
                                 end_all};
    return &table;
}
