extension CodePoints {
    /// Whether `text` stands at `index`.
    func has(_ text: CodePoints, at index: Int) -> Bool {
        index + text.count <= count && scalars[index..<(index + text.count)].elementsEqual(text.scalars)
    }

    func hasPrefix(_ prefix: CodePoints) -> Bool { has(prefix, at: 0) }

    /// Where `text`, which isn't empty, stands first at or behind `start`.
    func firstIndex(of text: CodePoints, from start: Int = 0) -> Int? {
        guard let first = text.scalars.first, start <= count - text.count else { return nil }
        return (start...(count - text.count)).first { scalars[$0] == first && has(text, at: $0) }
    }

    /// Where `text`, which isn't empty, stands last.
    func lastIndex(of text: CodePoints) -> Int? {
        guard !text.isEmpty, text.count <= count else { return nil }
        return (0...(count - text.count)).last { has(text, at: $0) }
    }

    func contains(_ text: CodePoints) -> Bool { firstIndex(of: text) != nil }

    /// The parts between the occurrences of `separator`, which isn't empty; always at least one.
    func split(by separator: CodePoints) -> [CodePoints] {
        var parts: [CodePoints] = []
        var start = 0
        while let next = firstIndex(of: separator, from: start) {
            parts.append(self[start..<next])
            start = next + separator.count
        }
        return parts + [suffix(from: start)]
    }

    /// What stands before the first `separator`, or all of it.
    func prefix(before separator: CodePoints) -> CodePoints {
        firstIndex(of: separator).map { self[0..<$0] } ?? self
    }

    /// Every occurrence of `text`, from left to right, replaced.
    func replacing(_ text: CodePoints, with replacement: CodePoints) -> CodePoints {
        guard contains(text) else { return self }
        return CodePoints(split(by: text).map(\.scalars).joined(separator: replacement.scalars))
    }

    /// Every occurrence of `text`, from left to right, removed.
    func removing(_ text: CodePoints) -> CodePoints { replacing(text, with: "") }

    /// The first code point at or behind `start` that fulfils a condition, or the end.
    func end(from start: Int, while condition: (Unicode.Scalar) -> Bool) -> Int {
        scalars[start...].firstIndex { !condition($0) } ?? count
    }
}
