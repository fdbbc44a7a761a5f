/// Zip files written field by field; contents are stored, not compressed.
public struct ZipBytes: Sendable {
    private var bytes: [UInt8] = []
    private var list: [UInt8] = []
    private var count = 0

    public init() {}

    private static func number(_ value: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// - Parameters:
    ///   - mode: The Unix mode; 0o100644 is a plain file.
    ///   - local: The name in front of the content, where it differs from that of the list.
    ///   - size: What the headers say.
    ///   - flags: 1 says that it is encrypted.
    public mutating func add(
        _ name: [UInt8], _ content: [UInt8] = [], mode: Int = 0o100644, local: [UInt8]? = nil,
        size: Int? = nil,
        flags: Int = 0x800
    ) {
        let size = size ?? content.count
        let common =
            Self.number(20, 2) + Self.number(flags, 2) + Self.number(0, 2) + Self.number(0, 2)
            + Self.number(33, 2)
            + Self.number(Self.checksum(content), 4) + Self.number(size, 4) + Self.number(size, 4)
        let start = bytes.count
        let own = local ?? name
        bytes +=
            Self.number(0x0403_4B50, 4) + common + Self.number(own.count, 2) + Self.number(0, 2) + own
            + content
        list +=
            Self.number(0x0201_4B50, 4) + Self.number(3 << 8 | 20, 2) + common + Self.number(name.count, 2)
            + Self.number(0, 6) + Self.number(0, 2) + Self.number(mode << 16, 4) + Self.number(start, 4)
            + name
        count += 1
    }

    public mutating func add(_ name: String, _ content: [UInt8] = [], mode: Int = 0o100644) {
        add(Array(name.utf8), content, mode: mode)
    }

    /// The whole file.
    public func finished(shift: Int = 0, comment: [UInt8] = []) -> [UInt8] {
        bytes + list + Self.number(0x0605_4B50, 4) + Self.number(0, 4) + Self.number(count, 2)
            + Self.number(count, 2)
            + Self.number(list.count, 4) + Self.number(bytes.count + shift, 4) + Self.number(comment.count, 2)
            + comment
    }

    public static func around(_ body: (inout ZipBytes) -> Void) -> [UInt8] {
        var zip = ZipBytes()
        zip.add("harmless.txt", Array("x".utf8))
        body(&zip)
        return zip.finished()
    }

    /// CRC-32, bit by bit.
    private static func checksum(_ bytes: [UInt8]) -> Int {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return Int(~crc)
    }
}
