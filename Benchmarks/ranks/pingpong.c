// Latency and bandwidth between two ranks, at the sizes that a training step sends: what the model of cost is fed with.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    size_t sizes[] = {64, 4 << 20, 32 << 20};
    char *buffer = calloc(1, sizes[2]);
    for (int s = 0; s < 3; s++) {
        int rounds = sizes[s] < 4096 ? 1000 : 20;
        double start = 0;
        for (int i = -2; i < rounds; i++) {
            if (i == 0) {
                MPI_Barrier(MPI_COMM_WORLD);
                start = MPI_Wtime();
            }
            if (rank == 0) {
                MPI_Send(buffer, (int)sizes[s], MPI_BYTE, 1, 0, MPI_COMM_WORLD);
                MPI_Recv(buffer, (int)sizes[s], MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            } else if (rank == 1) {
                MPI_Recv(buffer, (int)sizes[s], MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                MPI_Send(buffer, (int)sizes[s], MPI_BYTE, 0, 0, MPI_COMM_WORLD);
            }
        }
        double way = (MPI_Wtime() - start) / rounds / 2;
        if (rank == 0) printf("%zu bytes: %.1f us, %.2f GB/s\n", sizes[s], way * 1e6, sizes[s] / way / 1e9);
    }
    free(buffer);
    MPI_Finalize();
    return 0;
}
