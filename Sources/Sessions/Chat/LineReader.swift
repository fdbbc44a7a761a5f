internal import SystemPackage

/// Reads lines from standard input; a signal ends a read.
package struct LineReader: Sendable {
    /// What came.
    package enum Outcome: Sendable, Hashable {
        case line(String)
        /// Ctrl-C was pressed while waiting.
        case interrupted
        /// There is nothing more.
        case end
    }

    /// Longer lines are refused: they would fill the memory.
    static let limit = 1 << 20
    private var pending: [UInt8] = []

    package init() {}

    /// The next line without its line break.
    ///
    /// - Throws: `SessionError` for a line that is too long; `Errno`.
    package mutating func next() throws -> Outcome {
        while true {
            if let newline = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<newline], as: UTF8.self)
                pending.removeSubrange(...newline)
                return .line(line)
            }
            guard pending.count <= Self.limit else {
                throw SessionError(
                    .invalidPrompt, "A line is longer than \(Self.limit) bytes. Give a shorter one.")
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            do {
                let count = try buffer.withUnsafeMutableBytes {
                    try FileDescriptor.standardInput.read(into: $0, retryOnInterrupt: false)
                }
                if count == 0 {
                    defer { pending = [] }
                    return pending.isEmpty ? .end : .line(String(decoding: pending, as: UTF8.self))
                }
                pending += buffer[..<count]
            } catch let error as Errno where error == .interrupted {
                // A suspended process that goes on is no reason to stop.
                if TerminalGuard.isInterrupted {
                    pending = []
                    return .interrupted
                }
            }
        }
    }

    /// All that is left, as one text.
    ///
    /// - Throws: as ``next()``.
    package mutating func rest() throws -> String? {
        var lines: [String] = []
        var size = 0
        while true {
            switch try next() {
            case .line(let line):
                lines.append(line)
                size += line.utf8.count
                guard size <= Self.limit else {
                    throw SessionError(
                        .invalidPrompt, "The prompt is longer than \(Self.limit) bytes. Give a shorter one.")
                }
            case .interrupted: return nil
            case .end: return lines.joined(separator: "\n")
            }
        }
    }
}
