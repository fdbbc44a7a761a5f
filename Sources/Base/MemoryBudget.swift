#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How much memory may be taken for what a file holds.
///
/// A few bytes can say that a value occurs a billion times, so that a file's size alone doesn't bound what it takes to
/// read it. An honest file of any size fits: data sets become a few dozen times as large as their compressed files.
package final class MemoryBudget {
    /// Bytes of the file, as it is on the disk.
    package let fileBytes: Int
    /// The most bytes of memory.
    package let limit: Int
    private var taken = 0

    /// What every file may take, and what it may take more for each of its bytes.
    private static let base = 1 << 30
    private static let perByte = 512
    private static let machine = max(base, sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)))

    /// - Parameter limit: The most bytes; by default a gibibyte and 512 times the file's size, but never more than the
    ///   machine's memory.
    package init(fileBytes: Int, limit: Int? = nil) {
        self.fileBytes = fileBytes
        // No file has so many bytes that this overflows.
        self.limit = limit ?? min(Self.machine, Self.base + Self.perByte * min(max(0, fileBytes), 1 << 48))
    }

    /// Counts memory that is about to be taken; false where it is more than is left, and nothing is counted then.
    package func take(_ bytes: Int) -> Bool {
        guard bytes <= limit - taken else { return false }
        taken += max(0, bytes)
        return true
    }

    /// Counts memory that is free again.
    package func giveBack(_ bytes: Int) { taken -= bytes }

    /// Why nothing more is read: a sentence.
    package var refusal: String {
        "What it holds takes more than \(limit >> 20) MiB of memory, the most that is read of a file of \(fileBytes) bytes here."
    }
}
