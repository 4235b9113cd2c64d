// An MPI program for smpirun: every pair of ranks exchanges messages of the sizes that were typed, one after the other. Prints
// "<from> <to> <bytes> <seconds>" for each: from the call of MPI_Ssend to the end of the receive, which was posted before. The
// simulated clock is the same for all ranks.
#include <smpi/mpi.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  for (int i = 1; i < argc; ++i)
    for (int from = 0; from < ranks; ++from)
      for (int to = 0; to < ranks; ++to) {
        if (from == to) continue;
        const int bytes = std::atoi(argv[i]);  // room for a double, and more
        std::vector<double> message(static_cast<std::size_t>(bytes) / sizeof(double) + 1);
        MPI_Request request = MPI_REQUEST_NULL;
        if (rank == to) MPI_Irecv(message.data(), bytes, MPI_BYTE, from, 0, MPI_COMM_WORLD, &request);
        MPI_Barrier(MPI_COMM_WORLD);
        if (rank == from) {
          smpi_usleep(1000);  // until the last messages of the barrier have left the links
          message[0] = MPI_Wtime();
          MPI_Ssend(message.data(), bytes, MPI_BYTE, to, 0, MPI_COMM_WORLD);
        }
        if (rank == to) {
          MPI_Wait(&request, MPI_STATUS_IGNORE);
          std::printf("%d %d %d %.17g\n", from, to, bytes, MPI_Wtime() - message[0]);
        }
      }
  MPI_Finalize();
  return 0;
}
