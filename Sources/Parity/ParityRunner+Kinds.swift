extension ParityRunner {
    /// Every kind of cases, in the order of the report; a kind that isn't in this list isn't run.
    public static let kinds: [any ParityKind] = [
        UnimplementedKind(name: "forward", file: "forward_index.json"),
        DecodeParity(family: "llada"),
        TraceParity(family: "llada"),
        TrajectoryParity(family: "llada"),
        UnimplementedKind(name: "llada/loss", file: "loss_llada.json"),
        UnimplementedKind(name: "llada/lora", file: "loss_llada.json"),
        UnimplementedKind(name: "llada/d2f-loss", file: "loss_llada.json"),
        UnimplementedKind(name: "llada/dparallel-loss", file: "loss_llada.json"),
        UnimplementedKind(name: "dream/decode", file: "decode_dream.json"),
        UnimplementedKind(name: "dream/traces", file: "decode_dream_traces.json"),
        UnimplementedKind(name: "dream/trajectory", file: "trajectory.json"),
        UnimplementedKind(name: "dream/loss", file: "loss_dream.json"),
        UnimplementedKind(name: "aup", file: "aup.json"),
        UnimplementedKind(name: "grading", file: "grading.json"),
        UnimplementedKind(name: "tokenizers", file: "tokenizers"),
    ]
}
