/// What a confined program may use.
public struct SandboxLimits: Sendable, Hashable {
    /// Processor time in seconds.
    public var cpuSeconds: Int
    /// Time by the clock, which is longer because other processes share the machine.
    public var wallSeconds: Int
    /// Address space in bytes.
    public var memory: Int
    /// Bytes of one file; of all files together where the program has a file system of its own.
    public var files: Int
    /// Bytes that it may send as its result.
    public var output: Int

    public init(
        cpuSeconds: Int = 10, wallSeconds: Int = 40, memory: Int = 2 << 30, files: Int = 16 << 20,
        output: Int = 64 << 10
    ) {
        self.cpuSeconds = cpuSeconds
        self.wallSeconds = wallSeconds
        self.memory = memory
        self.files = files
        self.output = output
    }
}
