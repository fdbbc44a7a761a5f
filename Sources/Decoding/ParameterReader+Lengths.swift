extension ParameterReader {
    /// The two lengths that every block decoder has.
    mutating func lengths(generation: Int, block: Int) -> (generation: Int, block: Int) {
        let generation = integer(
            "generationLength", default: generation, in: 1...1_000_000, "Tokens to generate.",
            role: .responseLength)
        let block = integer(
            "blockLength", default: block, in: 1...1_000_000, "Tokens per block.",
            role: .blockLength)
        return (generation, block)
    }

    /// Whether decoding ends with the end token.
    mutating func earlyStop(default value: Bool, _ summary: String) -> Bool {
        flag("earlyStop", default: value, summary, role: .earlyStop)
    }

    /// Rejects a generation length that leaves a shorter last block.
    mutating func requireWholeBlocks(generation: Int, block: Int) {
        guard generation % block != 0 else { return }
        reject(
            "\"generationLength\" is \(generation) and should be a multiple of \"blockLength\", \(block).",
            at: "generationLength")
    }
}
