internal import Files
internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a disk has room for.
enum DiskSpace {
    /// Bytes that this user may still write below a folder; nil when the system can't tell.
    static func free(_ folder: FilePath) -> Int? {
        var path = folder
        while !path.isEmpty, !FileSystem.exists(path), path != path.removingLastComponent() {
            path = path.removingLastComponent()
        }
        var info = statvfs()
        guard (path.isEmpty ? "." : path).withPlatformString({ statvfs($0, &info) }) == 0 else { return nil }
        let bytes = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
        return bytes.overflow ? .max : Int(clamping: bytes.partialValue)
    }

    /// - Throws: ``FetchError`` when so many bytes don't fit.
    static func check(_ folder: FilePath, for name: String, needs bytes: Int) throws(FetchError) {
        guard bytes > 0, let free = free(folder), free < bytes else { return }
        throw FetchError(
            .noSpace,
            "There is too little room for \(name): \(ByteCount.text(bytes)) are still to come, but the disk of \(folder) has \(ByteCount.text(free)) left. Free some, or put the cache elsewhere (--cache)."
        )
    }
}

/// Numbers of bytes for people.
package enum ByteCount {
    /// "749.7 kB", "16.1 GB": powers of ten.
    package static func text(_ bytes: Int) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB"]
        var (value, unit) = (Double(bytes), 0)
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        guard unit > 0 else { return "\(bytes) \(bytes == 1 ? "byte" : "bytes")" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
