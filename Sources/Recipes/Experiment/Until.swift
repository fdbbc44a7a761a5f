/// Repeats that go on until their results are clear: the key `until` beside `replicate`.
///
/// The repeats are made up to the first look; the summary's stage `decided` says which claims are open still. Where one
/// is, the repeats up to the next look are made, and so on to the last. Each look is a stage of its own, so that the same
/// configuration ends at the same look wherever it is run again.
struct UntilFields {
    package static let key = "until"

    /// A reference to a stage of the summary.
    let decided: String
    /// After how many of the values that vary slowest it is looked, rising.
    let looks: [Int]
    /// No further look begins once the stages have taken that much, in minutes of one thread.
    let minutes: Double?

    package init(_ fields: Fields) {
        decided = fields.string(
            "decided", "The stage of \"summary\" that says which claims are open, such as \"@seeds\".")
        looks = fields.integers(
            "looks", in: 1...ExperimentLoader.limit, atLeast: 1,
            "After how many repeats it is looked whether a claim is open: rising, the last one all of them. Repeats are "
                + "the values of the first key, or of the first object, of \"replicate\".")
        minutes = fields.optionalNumber(
            "cpuMinutes", in: .above(0),
            "Budget: no further look begins once all stages so far, those of earlier runs included, have taken that many "
                + "minutes times threads.")
        if zip(looks, looks.dropFirst()).contains(where: { $0 >= $1 }) {
            fields.reject("looks", "Each look comes after more repeats than the one before.")
        }
    }

    /// The keys as ``init(_:)`` asks for them.
    package static var description: ObjectDescription {
        let fields = Fields.describing()
        _ = UntilFields(fields)
        return fields.description
    }
}

extension Experiment {
    /// How far repeats go: at each look they may end.
    package struct Until: Sendable {
        package let looks: [Look]
        /// In minutes of one thread; nil where there is no budget but the number of repeats.
        package let minutes: Double?
    }

    /// One look at the results of repeats.
    package struct Look: Sendable {
        /// Which it is, from 1, of how many.
        package let number: Int
        package let count: Int
        /// How many repeats it takes, of how many there may be.
        package let repeats: Int
        package let maximum: Int
        /// The stage whose artifact says what is decided.
        package let decision: String
        /// Its stages and those that they need, those of earlier looks included, by full name.
        package let stages: Set<String>
    }

    /// The experiment as it is at a look: the stages up to it, and none that would follow.
    package func at(_ look: Look) -> Experiment {
        var part = Experiment(
            name: name, seed: seed, description: description,
            stages: stages.filter { look.stages.contains($0.id) }, source: source)
        part.look = look
        return part
    }
}
