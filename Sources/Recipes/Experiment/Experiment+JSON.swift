package import JSON

extension Experiment {
    /// For programs: the stages and variants in running order with kind, fingerprint and what they refer to.
    package var value: JSONValue {
        [
            "experiment": .string(name), "seed": .integer(seed),
            "description": description.map(JSONValue.string) ?? .null,
            "stages": .array(
                stages.map { stage in
                    var inputs: [String] = []
                    for reference in stage.inputs.flatMap(\.references)
                    where !inputs.contains(reference.stage) {
                        inputs.append(reference.stage)
                    }
                    return [
                        "stage": .string(stage.id), "kind": .string(stage.recipe.kind),
                        "fingerprint": .string(stage.fingerprint),
                        "needs": .array(inputs.map(JSONValue.string)),
                    ]
                }),
        ]
    }
}
