internal import CSandbox

/// The memory of this process.
package enum ProcessMemory {
    /// Keeps it from other processes of the same user: programs that models wrote, among others.
    ///
    /// `/proc/PID/environ`, `/proc/PID/mem` and tracing are refused to all but root then, and there are no core dumps.
    /// - Returns: Whether the kernel does it.
    @discardableResult
    package static func protect() -> Bool { sandbox_protect() == 0 }
}
