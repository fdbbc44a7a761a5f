internal import Base

/// A path in an archive that stays inside, and that every system takes for the same file.
enum EntryPath {
    /// Why a name isn't taken, as the end of a sentence that begins with the name.
    struct Refusal: Error { let reason: String }

    /// The parts of a path; none for the folder of the archive itself.
    static func parts(_ name: [UInt8], _ limits: Unpacker.Limits) throws(Refusal) -> [String] {
        guard !name.isEmpty else { throw Refusal(reason: "has no name") }
        guard name.count <= limits.pathBytes else {
            throw Refusal(reason: "has a path of \(name.count) bytes; the limit is \(limits.pathBytes)")
        }
        guard let text = String(validating: name, as: UTF8.self) else {
            throw Refusal(reason: "has a name that isn't UTF-8")
        }
        guard name.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Refusal(reason: "has a control character in its name")
        }
        guard !name.contains(UInt8(ascii: "\\")) else {
            throw Refusal(reason: "has a backslash in its name, which separates folders on other systems")
        }
        guard name[0] != UInt8(ascii: "/") else { throw Refusal(reason: "has an absolute path") }
        // By bytes, as the kernel: "/" beside a combining mark separates too.
        let parts = text.byteText.split("/").filter { $0 != "." }
        guard parts.first.map({ $0.count != 2 || $0.bytes.last != UInt8(ascii: ":") }) ?? true else {
            throw Refusal(reason: "begins with the drive of another system")
        }
        guard !parts.contains("..") else { throw Refusal(reason: "leads out of its folder") }
        guard parts.allSatisfy({ $0.count <= 255 }) else {
            throw Refusal(reason: "has a name of more than 255 bytes")
        }
        guard parts.count <= limits.depth else {
            throw Refusal(reason: "lies \(parts.count) folders deep; the limit is \(limits.depth)")
        }
        return parts.map(\.text)
    }

    /// A name for messages: short, without what a terminal would act on.
    static func shown(_ name: [UInt8]) -> String {
        let text = String(decoding: name.prefix(400), as: UTF8.self).visible.unicodeScalars
        return text.count > 80 ? String(text.prefix(79)) + "…" : String(text)
    }
}
