package import ArtifactStore
package import Recipes
package import SystemPackage

/// What a kind of stage can go by when it forecasts: the machine's speed, and what is known of the inputs.
package struct ForecastContext {
    /// How fast this machine is.
    package let speed: any SpeedMeter
    /// How many threads the stage will have.
    package let threads: Int
    /// How many threads were busy when the speed was measured; other than ``threads`` only for stages of earlier runs.
    package let measuredThreads: Int
    /// The stage's own artifact, if it is in the store: what came out is known better from it than from the keys.
    package let record: ArtifactRecord?
    /// How many records the journals of an earlier process hold.
    package let recordsDone: Int
    /// Where an earlier process left checkpoints; nil where there is nothing.
    package let workFolder: FilePath?
    private let inputs: (ArtifactReference) -> Facts

    /// - Parameter inputs: What is known of each artifact that the stage refers to.
    package init(
        speed: any SpeedMeter, threads: Int, measuredThreads: Int? = nil, record: ArtifactRecord? = nil,
        recordsDone: Int = 0,
        workFolder: FilePath? = nil, inputs: @escaping (ArtifactReference) -> Facts = { _ in [:] }
    ) {
        self.speed = speed
        self.threads = threads
        self.measuredThreads = measuredThreads ?? threads
        self.record = record
        self.recordsDone = recordsDone
        self.workFolder = workFolder
        self.inputs = inputs
    }

    /// What is known of an artifact that the stage refers to, whether it has been made or not.
    package func facts(of reference: ArtifactReference) -> Facts { inputs(reference) }

    /// Seconds that so many pieces of work take one after another; nil where the speed isn't known.
    package func seconds(of work: Work, times count: Double = 1) -> Double? {
        speed.seconds(of: work).map { $0 * count }
    }
}
