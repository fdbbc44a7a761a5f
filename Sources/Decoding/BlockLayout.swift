/// How a response is cut into blocks of equal length.
struct BlockLayout: Sendable, Hashable {
    let promptLength: Int
    let generationLength: Int
    let blockLength: Int

    /// Number of blocks that fit wholly.
    var wholeBlocks: Int { generationLength / blockLength }

    /// Number of blocks, a shorter last one included.
    var allBlocks: Int { (generationLength + blockLength - 1) / blockLength }

    /// End of the response.
    var end: Int { promptLength + generationLength }

    /// Positions of block `index`, from 0.
    func range(_ index: Int) -> Range<Int> {
        let start = promptLength + index * blockLength
        return start..<min(start + blockLength, end)
    }
}
