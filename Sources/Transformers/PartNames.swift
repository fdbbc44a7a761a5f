internal import Base

/// Names that a family's checkpoints give to parts of a model: a tensor of such a name belongs to another model than
/// config.json describes, where that doesn't have it.
struct PartNames {
    /// The name of a block's parameter before and behind the block's number: of the first block, cut at it.
    private let before: String
    private let behind: Set<String>
    private let others: Set<String>

    init(_ family: any ModelFamily.Type) {
        func name(_ block: Int, _ role: ParameterRole.BlockRole) -> String {
            family.name(of: .block(block, role))
        }
        // Two blocks' names differ in their number alone.
        let (first, second) = (Array(name(0, .query).utf8), Array(name(1, .query).utf8))
        let place = zip(first, second).prefix { $0 == $1 }.count
        before = String(decoding: first.prefix(place), as: UTF8.self)
        var behind: Set<String> = []
        for role in ParameterRole.BlockRole.allCases {
            let suffix = String(decoding: Array(name(0, role).utf8).dropFirst(place + 1), as: UTF8.self)
            behind.insert(suffix)
            // A linear layer may have a bias, and a norm too.
            if let stem = suffix.byteText.dropping(suffix: ".weight") { behind.insert(stem.text + ".bias") }
        }
        self.behind = behind
        others = Set(
            [ParameterRole.embedding, .head, .finalNorm].map { family.name(of: $0) }.flatMap { name in
                [name] + (name.byteText.dropping(suffix: ".weight").map { [$0.text + ".bias"] } ?? [])
            })
    }

    func contains(_ name: String) -> Bool {
        if others.contains(name) { return true }
        guard let rest = name.byteText.dropping(prefix: before.byteText) else { return false }
        let digits = rest.text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return !digits.isEmpty
            && behind.contains(String(decoding: rest.text.utf8.dropFirst(digits.count), as: UTF8.self))
    }
}
