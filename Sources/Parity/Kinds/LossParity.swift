internal import Documents
internal import JSON
internal import Transformers

/// Recorded training losses of a family: noise, loss terms, gradients, optimiser steps, schedules.
struct LossParity: ParityKind {
    enum Part: String {
        /// d3LLM's noise process and loss with gradients.
        case loss
        /// Three clipped AdamW steps.
        case adamw
        /// Window, mask-ratio and state schedules.
        case schedules
        /// LLaDA's pretraining and SFT losses with gradients.
        case sft
        /// dParallel's certainty forcing with gradients.
        case dparallel = "dparallel-loss"
        /// Logits and gradients of a model with a LoRA adapter.
        case lora
        /// D2F's asymmetric distillation with LoRA gradients.
        case d2f = "d2f-loss"
    }

    let family: String
    let part: Part

    var name: String { "\(family)/\(part.rawValue)" }
    var file: String { "loss_\(family).json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let type: any ModelFamily.Type = family == "dream" ? DreamFamily.self : LLaDAFamily.self
        let golden = try GoldenLoss(folder, type, json: file, tensors: "loss_\(family).safetensors")
        let key = [
            .loss: "d3llm", .adamw: "adamw", .sft: "sft", .dparallel: "dparallel", .lora: "lora", .d2f: "d2f",
        ][part]
        if let key, golden.root.node[key] == nil { return tally.skip("the file has no such cases") }
        let results =
            switch part {
            case .loss: try golden.d3llm()
            case .adamw: try golden.adamW()
            case .schedules: try golden.schedules()
            case .sft: try golden.sft()
            case .dparallel: try golden.certaintyForcing()
            case .lora: try golden.lora()
            case .d2f: try golden.asymmetricDistillation()
            }
        for result in results { tally.record(result.failure.map { "\(result.id): \($0)" }) }
    }
}
