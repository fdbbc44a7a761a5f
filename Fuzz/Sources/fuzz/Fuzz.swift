#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What libFuzzer calls with each input: the reader that the environment variable `READER` names must not end the
/// process, whatever the bytes are.
@_cdecl("LLVMFuzzerTestOneInput")
public func readOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    reader.read(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}

/// What the program starts with.
///
/// SwiftPM has the symbol `main` of an executable be that of its module, so that the library's isn't called.
@_cdecl("fuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments, readOneInput)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

private let reader: Reader = {
    let name = getenv("READER").map { String(cString: $0) } ?? ""
    guard let reader = Reader(rawValue: name) else {
        let known = Reader.allCases.map(\.rawValue).joined(separator: ", ")
        print("Set READER to one of \(known).")
        exit(2)
    }
    return reader
}()
