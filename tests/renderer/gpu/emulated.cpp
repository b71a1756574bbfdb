// cluster.cu for a CPU: `emulate` is its launch.
#include "emulator.h"
#include CLUSTER
// Whether all that was sent has come, unless the run has given up.
extern "C" bool emulate(const Run* run, int n_clusters) {
    return emulator::run(n_clusters, THREADS, SHARED, [run] { play(*run); }) || *run->failed;
}
