import Files

extension Store {
    /// Does something that only one process at a time may do with an experiment of this store: hand it to a queue.
    ///
    /// - Returns: What `body` gives; who is at it, where that is another process.
    /// - Throws: What `body` throws; `FileError`.
    package func launching<Value>(_ experiment: String, _ body: () throws -> Value) throws -> Launching<Value>
    {
        // Locks are named like those of artifacts, so that everything that knows these knows it.
        let name = SHA256.hex(of: Array("launch of \(experiment)".utf8))
        guard let lock = try ArtifactLock.attempt(self, name) else {
            return .busy(ArtifactLock.holder(self, name))
        }
        defer { lock.release() }
        return .done(try body())
    }

    /// How ``launching(_:_:)`` went.
    package enum Launching<Value> {
        case done(Value)
        /// Another process is at it, which is named.
        case busy(String)
    }
}
