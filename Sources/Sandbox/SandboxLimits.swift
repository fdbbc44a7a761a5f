/// What a confined program may use.
public struct SandboxLimits: Sendable, Hashable {
    /// Processor time in seconds.
    public var cpuSeconds: Int
    /// Time by the clock, without what it waits for a processor that others use: computing, sleeping, reading.
    public var wallSeconds: Int
    /// Time by the clock after which the machine is held to be too busy to say how the program does.
    public var busySeconds: Int
    /// Address space in bytes.
    public var memory: Int
    /// Bytes of one file; of all files together where the program has a file system of its own.
    public var files: Int
    /// Bytes that it may send as its result.
    public var output: Int

    /// - Parameter busySeconds: 20 times the processor time and at least a minute unless it is given.
    public init(
        cpuSeconds: Int = 10, wallSeconds: Int = 40, busySeconds: Int? = nil, memory: Int = 2 << 30,
        files: Int = 16 << 20, output: Int = 64 << 10
    ) {
        self.cpuSeconds = cpuSeconds
        self.wallSeconds = wallSeconds
        self.busySeconds = busySeconds ?? max(60, 20 * cpuSeconds, wallSeconds)
        self.memory = memory
        self.files = files
        self.output = output
    }
}
