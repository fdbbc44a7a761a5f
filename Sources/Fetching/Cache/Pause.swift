#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Waiting without doing anything.
enum Pause {
    /// A twentieth of a second.
    static func short() { usleep(50_000) }
}
