/// Tar files written field by field, so that they can be wrong in every way.
struct TarBytes {
    var bytes: [UInt8] = []

    /// A file or anything else, by its type flag.
    mutating func add(
        _ name: [UInt8], _ content: [UInt8] = [], type: Character = "0", link: String = "",
        prefix: String = "",
        size: Int? = nil, magic: String = "ustar\u{0}00", checksum: Bool = true
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: [UInt8], at: Int, most: Int) {
            for (index, byte) in text.prefix(most).enumerated() { header[at + index] = byte }
        }
        func octal(_ number: Int, _ digits: Int) -> [UInt8] {
            let text = String(number, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
        }
        put(name, at: 0, most: 100)
        put(octal(0o4755, 7), at: 100, most: 7)
        put(octal(1000, 7), at: 108, most: 7)
        put(octal(1000, 7), at: 116, most: 7)
        put(octal(size ?? content.count, 11), at: 124, most: 11)
        put(octal(1, 11), at: 136, most: 11)
        put(Array("        ".utf8), at: 148, most: 8)
        header[156] = type.asciiValue ?? 0
        put(Array(link.utf8), at: 157, most: 100)
        put(Array(magic.utf8), at: 257, most: 8)
        put(Array(prefix.utf8), at: 345, most: 155)
        let sum = header.reduce(0) { $0 + Int($1) }
        if checksum { put(octal(sum, 6) + [0, 32], at: 148, most: 8) }
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    mutating func add(
        _ name: String, _ content: [UInt8] = [], type: Character = "0", link: String = "",
        prefix: String = "",
        size: Int? = nil
    ) {
        add(Array(name.utf8), content, type: type, link: link, prefix: prefix, size: size)
    }

    /// A header of the pax form for the entry that follows.
    mutating func pax(_ records: [(String, [UInt8])]) {
        var content: [UInt8] = []
        for (key, value) in records {
            let body = Array(" \(key)=".utf8) + value + [10]
            var length = body.count + 1
            while "\(length)".utf8.count + body.count != length { length += 1 }
            content += Array("\(length)".utf8) + body
        }
        add("PaxHeaders/x", content, type: "x")
    }

    /// The two empty blocks that say that the archive is whole.
    mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }

    /// An archive of one harmless file, this, and its end.
    static func around(_ body: (inout TarBytes) -> Void) -> [UInt8] {
        var tar = TarBytes()
        tar.add("harmless.txt", Array("x".utf8))
        body(&tar)
        tar.end()
        return tar.bytes
    }
}
