import ArtifactStore
internal import Base
import JSON
import SystemPackage

/// Takes out of a run's record and log what tells of the machine's owner: folders, and the name of the host.
///
/// Records of this version hold no folders already; older ones and their logs may.
struct Redaction {
    private let paths: MachinePaths

    /// - Parameter store: The store that the run is in; its folder becomes `store`.
    init(_ store: Store) { paths = MachinePaths(store: store.root) }

    /// The same text without them.
    func text(_ text: String) -> String {
        // Line by line: a path ends at the line's end, and the search for one is quadratic in a line's length.
        text.byteText.split("\n", keepingEmpty: true).map(\.text)
            .map { Self.withoutHost(paths.hidden(in: String($0))) }.joined(separator: "\n")
    }

    /// The same value with all its texts cleaned; libraries of the system keep their place.
    func value(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let string):
            ["/usr/", "/lib"].contains(where: { string.byteText.hasPrefix($0) })
                ? value : .string(text(string))
        case .array(let elements): .array(elements.map(self.value))
        case .object(let object): .object(JSONObject(object.members.map { ($0.key, self.value($0.value)) }))
        default: value
        }
    }

    /// Stands in a configuration for the folders that a file of the machine lay in.
    static let leftOut = "/left-out-by-export"

    /// A configuration without the folders of the machine: a key `path` keeps the last part of an absolute one.
    ///
    /// No recipe has such a key, so that the stages stay the same; texts that recipes have are left as they are.
    static func configuration(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): .array(elements.map(configuration))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { member in
                        guard member.key == "path", case .string(let text) = member.value else {
                            return (member.key, configuration(member.value))
                        }
                        return (member.key, .string(path(text)))
                    }))
        default: value
        }
    }

    private static func path(_ text: String) -> String {
        let starts: [[UInt8]] = [Array("/".utf8), Array("~".utf8), Array("..".utf8)]
        guard starts.contains(where: { text.utf8.starts(with: $0) }) else { return text }
        return "\(leftOut)/\(FilePath(text).lastComponent?.string ?? "")"
    }

    /// What the log says of those who hold a lock: "process 12 on NAME, since …".
    private static func withoutHost(_ line: String) -> String {
        var result = ""
        var rest = line.byteText
        while let (before, after) = rest.cut(at: "process ") {
            result += "\(before)process "
            rest = after
            let digits = after.bytes.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard !digits.isEmpty,
                let host = Substring(after.bytes.dropFirst(digits.count)).byteText.dropping(prefix: " on ")
            else { continue }
            result += "\(Substring(digits)) on …"
            let behind = host.text.unicodeScalars.drop { $0 != "," && !$0.properties.isWhitespace }
            rest = Substring(behind).byteText
        }
        return result + rest.text
    }
}
