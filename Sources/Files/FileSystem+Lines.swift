public import SystemPackage

/// A line that is longer than its reader takes.
public struct LineTooLongError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file.
    public let path: FilePath
    /// From 1.
    public let line: Int
    /// The most bytes that are read of one line.
    public let limit: Int

    public var description: String {
        "\(path):\(line): this line has more than \(limit) bytes, which is the most that is read."
    }
}

extension FileSystem {
    /// Gives a file's lines to `body` one after another, without their ends; one line is in memory at a time.
    ///
    /// The last line may lack its end; an empty rest isn't a line.
    /// - Parameter limit: The most bytes of a line.
    /// - Throws: `FileError`, ``LineTooLongError``, and what the body throws.
    public static func forEachLine(
        of path: FilePath, limit: Int = 1 << 28, _ body: (_ line: [UInt8], _ number: Int) throws -> Void
    ) throws {
        var line: [UInt8] = []
        var number = 1
        try readParts(path) { part in
            var start = 0
            while start < part.count {
                let end = part[start...].firstIndex(of: UInt8(ascii: "\n"))
                line += UnsafeRawBufferPointer(rebasing: part[start..<(end ?? part.count)])
                guard line.count <= limit else {
                    throw LineTooLongError(path: path, line: number, limit: limit)
                }
                guard let end else { break }
                try body(line, number)
                line.removeAll(keepingCapacity: true)
                number += 1
                start = end + 1
            }
        }
        if !line.isEmpty { try body(line, number) }
    }
}
