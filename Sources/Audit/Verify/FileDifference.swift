import Files
import SystemPackage

/// Where two files begin to differ.
enum FileDifference {
    /// Columns of a line that are shown on each side of the first difference.
    private static let shown = 40

    /// A sentence on the first difference; nil when the bytes are the same.
    ///
    /// - Parameters:
    ///   - name: What messages call the file.
    ///   - old: The file as recorded, `new` as made again.
    static func first(_ name: String, _ old: FilePath, _ new: FilePath) throws(FileError) -> String? {
        let a = try FileSystem.read(old, limit: FileLimit.data)
        let b = try FileSystem.read(new, limit: FileLimit.data)
        guard a != b else { return nil }
        let offset = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
        guard isText(a), isText(b) else {
            return
                "\(name) differs from byte \(offset) on (\(a.count) bytes recorded, \(b.count) made again)."
        }
        let line = a[..<offset].count { $0 == UInt8(ascii: "\n") } + 1
        return
            "\(name) differs from line \(line) on: recorded \(excerpt(a, offset)), made again \(excerpt(b, offset))."
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    }

    /// The line around an offset, cut to what matters.
    private static func excerpt(_ bytes: [UInt8], _ offset: Int) -> String {
        guard offset < bytes.count else { return "nothing" }
        let newline = UInt8(ascii: "\n")
        let start = bytes[..<offset].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let end = bytes[offset...].firstIndex(of: newline) ?? bytes.count
        let from = max(start, offset - shown)
        let to = min(end, offset + shown)
        let text = String(decoding: bytes[from..<max(from, to)], as: UTF8.self)
        return "\"\(from > start ? "…" : "")\(text)\(to < end ? "…" : "")\""
    }
}
