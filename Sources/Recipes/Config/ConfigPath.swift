internal import Base

/// A dotted path to a value of a configuration: `stages.teacher.phases[1].steps`.
package struct ConfigPath: Hashable, Sendable, CustomStringConvertible {
    /// One step down the tree.
    package enum Part: Hashable, Sendable {
        case key(String)
        /// An element of a list, from 0.
        case index(Int)
    }

    private(set) var parts: [Part]

    package init(_ parts: [Part]) { self.parts = parts }

    /// Reads a path that starts at a stage's object, as the keys of a matrix do; nil if a part is empty.
    package init?(inStage text: String) {
        var parts: [Part] = []
        for piece in text.byteText.split(".", keepingEmpty: true) {
            guard let split = Self.split(piece) else { return nil }
            parts += split
        }
        self.parts = parts
    }

    /// Reads a path that starts at the whole experiment; nil if a part is empty.
    ///
    /// All that follows `stages.<name>.matrix`, `replicate` or `replicate[n]` is one key, because the keys there are paths themselves.
    package init?(_ text: String) {
        let pieces = text.byteText.split(".", maxSplits: 3, keepingEmpty: true).map(\.text)
        if pieces.count > 1, pieces[0] == Replication.key {
            let rest = Substring(text.utf8.dropFirst(Replication.key.utf8.count + 1))
            guard !rest.isEmpty else { return nil }
            self.init([.key(Replication.key), .key(String(rest))])
        } else if pieces.count > 1, let first = Self.split(pieces[0].byteText), first.count == 2,
            first[0] == .key(Replication.key)
        {
            let rest = Substring(text.utf8.dropFirst(pieces[0].utf8.count + 1))
            guard !rest.isEmpty else { return nil }
            self.init(first + [.key(String(rest))])
        } else if pieces.count == 4, Self.sections.contains(String(pieces[0])), pieces[2] == "matrix" {
            guard !pieces[1].isEmpty, !pieces[3].isEmpty else { return nil }
            self.init(pieces.map { .key(String($0)) })
        } else {
            self.init(inStage: text)
        }
    }

    /// `phases[1]` as a key and an index; a bracket that holds no number belongs to the key.
    private static func split(_ piece: ByteText) -> [Part]? {
        var rest = piece
        var indices: [Part] = []
        while let (before, number) = rest.dropping(suffix: "]")?.cut(atLast: "["),
            let index = Int(number.text), index >= 0
        {
            indices.insert(.index(index), at: 0)
            rest = before
        }
        return rest.isEmpty ? nil : [.key(rest.text)] + indices
    }

    package var description: String {
        var text = ""
        for part in parts {
            switch part {
            case .key(let key): text += text.isEmpty ? key : ".\(key)"
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }

    /// The key at a place of the path; nil beyond its end and for an index.
    package func key(at index: Int) -> String? {
        guard parts.indices.contains(index), case .key(let key) = parts[index] else { return nil }
        return key
    }

    /// The keys under which stages stand.
    static let sections = ["stages", Replication.summaryKey]

    /// The stage that the path leads into with the section that it is in, and the path from there; nil if it leads
    /// elsewhere.
    var inStage: (section: String, stage: String, rest: ConfigPath)? {
        guard let section = key(at: 0), Self.sections.contains(section), let stage = key(at: 1) else {
            return nil
        }
        return (section, stage, ConfigPath(Array(parts.dropFirst(2))))
    }

    /// Whether `other` leads to a value inside the one that this path leads to.
    func isProperPrefix(of other: ConfigPath) -> Bool {
        parts.count < other.parts.count && other.parts.starts(with: parts)
    }

    package func appending(_ part: Part) -> ConfigPath { ConfigPath(parts + [part]) }
}
