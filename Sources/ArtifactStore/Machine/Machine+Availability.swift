internal import Base
import Files
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What changes while a machine runs, and so isn't part of `Machine.current`.
extension Machine {
    /// Memory that programs can still get without swapping, in bytes; nil where the kernel doesn't tell.
    package static func availableMemory() -> Int? {
        field("MemAvailable", of: "/proc/meminfo")?.byteText.split(" ").first.flatMap { Int($0.text) }.map {
            $0 * 1024
        }
    }

    /// The logical processors that this process may use, as the kernel lists them: `0-3,8`.
    package static func allowedProcessors() -> String? { field("Cpus_allowed_list", of: "/proc/self/status") }

    /// How many logical processors are switched on, whether this process may use them or not.
    package static func onlineProcessors() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

extension Store {
    /// Bytes that can still be written to the disk that the store is on, or will be; nil when the system can't tell.
    package func freeSpace() -> Int? {
        var info = statvfs()
        guard existingFolder.withPlatformString({ statvfs($0, &info) }) == 0 else { return nil }
        return Int(
            clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
                .partialValue)
    }

    /// The store's folder, or the nearest one above it that exists already.
    package var existingFolder: FilePath {
        var folder = root
        while !FileSystem.exists(folder) {
            let parent = folder.removingLastComponent()
            guard parent != folder, !parent.isEmpty else { return root.isAbsolute ? "/" : "." }
            folder = parent
        }
        return folder
    }
}
