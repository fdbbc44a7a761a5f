extension ParameterReader {
    /// The two lengths that every block decoder has.
    mutating func lengths(generation: Int, block: Int) -> (generation: Int, block: Int) {
        let generation = integer(
            "generationLength", default: generation, in: 1...1_000_000, "Tokens to generate.")
        let block = integer("blockLength", default: block, in: 1...1_000_000, "Tokens per block.")
        return (generation, block)
    }

    /// Rejects a generation length that leaves a shorter last block.
    mutating func requireWholeBlocks(generation: Int, block: Int) {
        guard generation % block != 0 else { return }
        reject("\"generationLength\" is \(generation) and should be a multiple of \"blockLength\", \(block).")
    }
}
