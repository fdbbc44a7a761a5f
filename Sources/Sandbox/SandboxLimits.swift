/// What a confined program may use.
package struct SandboxLimits: Sendable, Hashable {
    /// Processor time in seconds.
    package var cpuSeconds: Int
    /// Time by the clock, without what it waits for a processor that others use: computing, sleeping, reading.
    package var wallSeconds: Int
    /// Time by the clock after which the machine is held to be too busy to say how the program does.
    package var busySeconds: Int
    /// Address space in bytes.
    package var memory: Int
    /// Bytes of one file; of all files together where the program has a file system of its own.
    package var files: Int
    /// Bytes that it may send as its result.
    package var output: Int

    /// - Parameter busySeconds: 20 times the processor time and at least a minute unless it is given.
    package init(
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
