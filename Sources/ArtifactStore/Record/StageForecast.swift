package import JSON
import Recipes

/// What a stage is expected to take, or took.
package struct StageForecast: Sendable, Hashable {
    /// Wall-clock seconds; nil where nothing is known.
    package var seconds: Double?
    /// The largest resident size, in bytes.
    package var memory: Int?
    /// What the artifact takes on disk, in bytes.
    package var disk: Int?
    /// What journals and checkpoints take on disk besides, while the stage runs, in bytes.
    package var scratch: Int?
    /// What comes over the network; nil for stages that take nothing from there.
    package var download: Download?

    /// What the stage's model would take in each form that it can be loaded or trained in; empty where it has none.
    package var models: [ModelMemory] = []

    /// What a model takes in one form.
    package struct ModelMemory: Sendable, Hashable {
        /// The stage that makes the model.
        package let model: String
        /// What is done with it, and in which precision: `decoding, bfloat16`.
        package let form: String
        /// The largest resident size of the stage then, in bytes.
        package let bytes: Int
        /// Whether the configuration says this form.
        package let isChosen: Bool

        package init(model: String, form: String, bytes: Int, isChosen: Bool) {
            (self.model, self.form, self.bytes, self.isChosen) = (model, form, bytes, isChosen)
        }
    }

    /// What a stage has to download.
    package enum Download: Sendable, Hashable {
        case bytes(Int)
        /// Nothing says how much it is before it has been downloaded once.
        case unknown
    }

    /// A forecast of what is known.
    package init(
        seconds: Double? = nil, memory: Int? = nil, disk: Int? = nil, scratch: Int? = nil,
        download: Download? = nil
    ) {
        self.download = download
        self.seconds = seconds
        self.memory = memory
        self.disk = disk
        self.scratch = scratch
    }

    /// As records of runs hold it: `seconds`, `memory` and `disk` in bytes, null where nothing is known.
    package var value: JSONValue {
        [
            "seconds": seconds.map { .number(($0 * 1000).rounded() / 1000) } ?? .null,
            "memory": memory.map(JSONValue.integer) ?? .null, "disk": disk.map(JSONValue.integer) ?? .null,
        ]
    }

    /// "2 min 05 s, 310 MB of memory, 12 MB of disk"; nil where nothing is known.
    package var text: String? {
        let parts = [
            seconds.map(Readable.span), memory.map { "\(Readable.size($0)) of memory" },
            disk.map { "\(Readable.size($0)) of disk" },
        ].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
