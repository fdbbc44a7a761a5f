internal import CKernels

/// Memory of one packed weight, in large pages where the system has them.
///
/// `@unchecked Sendable`: written by whoever packs the weight, before anything else sees it, and only read afterwards.
final class WeightMemory: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let bytes: Int

    init(bytes: Int) {
        self.bytes = bytes
        let large = 1 << 21
        start = UnsafeMutableRawPointer.allocate(
            byteCount: max(bytes, 1), alignment: bytes >= large ? large : 64)
        if bytes >= large { d3_prefer_large_pages(start, bytes) }
    }

    deinit { start.deallocate() }
}
