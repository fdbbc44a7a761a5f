internal import JSON
internal import SystemPackage

/// A file of published data that doesn't have the form that it should, and where.
public struct PublishedDataError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file.
    public let file: String
    public let description: String

    init(_ document: JSONDocument, _ node: JSONNode, _ message: String) {
        let (line, column) = document.position(of: node.range.lowerBound)
        file = document.name
        description =
            "\(document.name):\(line):\(column): \(message)\n\(document.excerpt(at: node.range.lowerBound))"
    }

    init(file: String, _ message: String) {
        self.file = file
        description = message
    }
}

/// A table, benchmark or file that isn't among the published ones.
public struct UnknownPublishedNameError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ name: String, among names: [String]) {
        let nearest = NearestName.nearest(to: name, among: names)
        let hint = nearest.map { "Did you mean \"\($0)\"?" } ?? "There are \(names.joined(separator: ", "))."
        description = "There is no published table \"\(name)\". \(hint)"
    }

    init(folder: FilePath) {
        description =
            "There is no folder of published numbers at \(folder). Run the command in the repository, or name the "
            + "folder with --published."
    }
}

/// Suggestions for names that nobody knows.
enum NearestName {
    /// The candidate with the fewest edits, if they are few enough to be a slip.
    static func nearest(to name: String, among candidates: [String]) -> String? {
        let scored = candidates.map { ($0, distance(Array(name.lowercased()), Array($0.lowercased()))) }
        guard let best = scored.min(by: { $0.1 < $1.1 }) else { return nil }
        return best.1 <= max(1, min(name.count, best.0.count) / 3) ? best.0 : nil
    }

    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
