import ArgumentParser

@main
struct D3LLM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "d3llm",
        abstract: "Pseudo-trajectory distillation of diffusion language models, as declarative experiments.")
}
