/// Finds text in text, scalar by scalar: an accent isn't held to be part of the letter before it.
enum ScalarSearch {
    /// Where `part` stands, from the left, as offsets of bytes; places don't overlap.
    ///
    /// It takes time as both lengths together.
    ///
    /// UTF-8 is self-synchronising, so that whole scalars are found only.
    ///
    /// - Parameters:
    ///   - part: what is searched; an empty one stands at the beginning.
    ///   - limit: most places; no limit below zero.
    static func places(of part: String, in text: String, limit: Int = -1) -> [Int] {
        let (part, text) = (Array(part.utf8), Array(text.utf8))
        guard limit != 0 else { return [] }
        guard !part.isEmpty else { return [0] }
        // Knuth, Morris and Pratt: how much of the part still matches after a mismatch behind each of its bytes.
        var borders = [Int](repeating: 0, count: part.count)
        var matched = 0
        for index in part.indices.dropFirst() {
            while matched > 0, part[index] != part[matched] { matched = borders[matched - 1] }
            if part[index] == part[matched] { matched += 1 }
            borders[index] = matched
        }
        var places: [Int] = []
        matched = 0
        for (index, byte) in text.enumerated() {
            while matched > 0, byte != part[matched] { matched = borders[matched - 1] }
            if byte == part[matched] { matched += 1 }
            guard matched == part.count else { continue }
            places.append(index + 1 - part.count)
            if places.count == limit { break }
            matched = 0
        }
        return places
    }

    /// The text between the places of `separator`, at most `limit` of them.
    static func split(_ text: String, at separator: String, limit: Int) -> [String] {
        let bytes = Array(text.utf8)
        var parts: [String] = []
        var start = 0
        for place in places(of: separator, in: text, limit: limit) {
            parts.append(String(decoding: bytes[start..<place], as: UTF8.self))
            start = place + separator.utf8.count
        }
        return parts + [String(decoding: bytes[start...], as: UTF8.self)]
    }
}

/// Whole numbers at equal distances.
enum TemplateRange {
    /// The numbers from `start` to before `end`, at most so many; whatever the numbers are, none overflows.
    static func numbers(from start: Int, to end: Int, by step: Int, limit: Int = .max) -> [Int] {
        var numbers: [Int] = []
        var next = start
        while step > 0 ? next < end : next > end, numbers.count < limit {
            numbers.append(next)
            let (sum, isOver) = next.addingReportingOverflow(step)
            if isOver { break }
            next = sum
        }
        return numbers
    }
}
