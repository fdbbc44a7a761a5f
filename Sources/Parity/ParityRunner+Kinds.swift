extension ParityRunner {
    /// Every kind of cases, in the order of the report; a kind that isn't in this list isn't run.
    public static let kinds: [any ParityKind] = [
        ForwardParity(family: "llada", part: .forward),
        ForwardParity(family: "llada", part: .cache),
        DecodeParity(family: "llada"),
        TraceParity(family: "llada"),
        TrajectoryParity(family: "llada"),
        LossParity(family: "llada", part: .loss),
        LossParity(family: "llada", part: .adamw),
        LossParity(family: "llada", part: .schedules),
        LossParity(family: "llada", part: .sft),
        UnimplementedKind(name: "llada/lora", file: "loss_llada.json"),
        UnimplementedKind(name: "llada/d2f-loss", file: "loss_llada.json"),
        UnimplementedKind(name: "llada/dparallel-loss", file: "loss_llada.json"),
        ForwardParity(family: "dream", part: .forward),
        ForwardParity(family: "dream", part: .cache),
        DecodeParity(family: "dream"),
        TraceParity(family: "dream"),
        TrajectoryParity(family: "dream"),
        LossParity(family: "dream", part: .loss),
        LossParity(family: "dream", part: .adamw),
        LossParity(family: "dream", part: .schedules),
        AUPParity(),
        UnimplementedKind(name: "grading", file: "grading.json"),
        UnimplementedKind(name: "tokenizers", file: "tokenizers"),
    ]
}
