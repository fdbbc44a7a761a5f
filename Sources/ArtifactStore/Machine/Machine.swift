package import Base
import Files
package import JSON
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The machine that an artifact is made on, as far as it may matter for numbers and times.
package struct Machine: Sendable {
    /// The processor's name, as the kernel gives it.
    package let processor: String
    /// Logical processors that this process may use.
    package let cores: Int
    /// In bytes.
    package let memory: Int
    /// The distribution and the kernel.
    package let system: String

    /// The machine that runs this.
    package static let current = Machine(
        processor: field("model name", of: "/proc/cpuinfo") ?? "unknown", cores: availableCores(),
        memory: (field("MemTotal", of: "/proc/meminfo")?.byteText.split(" ").first.flatMap { Int($0.text) }
            ?? 0)
            * 1024,
        system: systemName())

    /// As records hold it.
    ///
    /// - Parameters:
    ///   - threads: How many threads the run uses.
    ///   - extras: What the caller knows besides, such as the name of the BLAS kernels.
    package func value(threads: Int, extras: JSONObject) -> JSONValue {
        var object: JSONObject = [
            "processor": .string(processor), "cores": .integer(cores), "threads": .integer(threads),
            "memoryBytes": .integer(memory), "system": .string(system),
        ]
        for member in extras.members { object[member.key] = member.value }
        return .object(object)
    }

    package static let hostName: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()

    /// Changes with every start of the machine.
    static let bootID: String =
        (try? FileSystem.readText("/proc/sys/kernel/random/boot_id"))?.byteText.trimmed.text ?? "unknown"

    /// Counts what the kernel lets this process use: fewer than there are under `taskset` or in a container.
    private static func availableCores() -> Int {
        let ranges =
            field("Cpus_allowed_list", of: "/proc/self/status")?.byteText.split(",").map(\.text) ?? []
        let counts = ranges.map { range in
            let ends = range.byteText.split("-").compactMap { Int($0.text) }
            return ends.count == 2 ? ends[1] - ends[0] + 1 : ends.count
        }
        let count = counts.reduce(0, +)
        return count > 0 ? count : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    private static func systemName() -> String {
        let name =
            field("PRETTY_NAME", of: "/etc/os-release", separator: "=")?.byteText.replacing("\"", with: "")
            .text ?? "Linux"
        let kernel = (try? FileSystem.readText("/proc/sys/kernel/osrelease"))?.byteText.trimmed.text ?? ""
        return "\(name), kernel \(kernel)"
    }

    /// The value of the first line `name: value`.
    package static func field(_ name: String, of path: FilePath, separator: ByteText = ":") -> String? {
        guard let text = try? FileSystem.readText(path) else { return nil }
        for line in text.byteText.split("\n") {
            guard let (key, value) = line.cut(at: separator) else { continue }
            if key.trimmed == name.byteText { return value.trimmed.text }
        }
        return nil
    }
}

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
