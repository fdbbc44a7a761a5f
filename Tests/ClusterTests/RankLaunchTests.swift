import Testing

@testable import Cluster

@Suite struct RankLaunchTests {
    private func launch(_ variables: [String: String]) -> RankLaunch? { RankLaunch.read { variables[$0] } }

    @Test func launchersAreTold() {
        #expect(launch([:]) == nil)
        #expect(launch(["OMPI_COMM_WORLD_SIZE": "1"]) == nil)
        #expect(
            launch(["OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_SIZE": "4"])
                == RankLaunch(size: 8, localSize: 4, variable: "OMPI_COMM_WORLD_SIZE"))
        #expect(launch(["PMI_SIZE": "2"])?.size == 2)
        #expect(
            launch(["PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "6", "SLURM_STEP_TASKS_PER_NODE": "3(x2)"])
                == RankLaunch(size: 6, localSize: 3, variable: "PMIX_RANK"))
    }

    @Test("a batch script's own process, and processes of srun without --mpi, are alone")
    func slurmWithoutMPI() {
        #expect(launch(["SLURM_NTASKS": "8", "SLURM_PROCID": "0"]) == nil)
        #expect(launch(["PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "1"]) == nil)
    }

    @Test func coresAreDividedUnlessTheLauncherDidIt() {
        let launch = RankLaunch(size: 4, localSize: 4, variable: "")
        #expect(launch.threads(allowed: 16, online: 16) == 4)
        #expect(launch.threads(allowed: 2, online: 16) == 2, "bound to cores of its own")
        #expect(launch.threads(allowed: 2, online: 2) == 1)
        #expect(RankLaunch(size: 4, localSize: 1, variable: "").threads(allowed: 16, online: 16) == 16)
    }
}
