internal import Files
internal import SystemPackage

/// What the cache has of an input.
package struct CheckedInput: Sendable {
    package enum State: String, Sendable {
        /// All of it, byte by byte.
        case whole
        /// Some files of it.
        case partial
        case absent
        /// Something else stands in its place.
        case damaged
        /// It has no hashes that could be checked.
        case unpinned
    }

    package let input: LockedInput
    package let state: State
    /// Sentences on what is wrong.
    package let problems: [String]
}

extension Fetcher {
    /// Hashes everything that the cache has of inputs, and compares it with the lock file; opens no socket.
    ///
    /// - Parameter names: All inputs when nil.
    /// - Throws: ``FetchError`` for an unknown name or a damaged lock file; `FileError`; ``FetchInterrupted``.
    package func check(_ names: [String]? = nil) throws -> [CheckedInput] {
        let lock = try DataLock(lockPath)
        let inputs = try names?.map { name throws(FetchError) in try lock.input(name) } ?? lock.inputs
        return try inputs.map { input in
            if isCancelled() { throw FetchInterrupted() }
            return try check(input)
        }
    }

    private func check(_ input: LockedInput) throws -> CheckedInput {
        guard input.isPinned else { return CheckedInput(input: input, state: .unpinned, problems: []) }
        var (whole, problems) = (0, [String]())
        for file in input.files {
            let place = place(of: file, input)
            switch try CachedFile(file, at: place).finding {
            case .absent: break
            case .wrong(let reason):
                problems.append(
                    "\(input.name)/\(file.path) in \(place) isn't as pinned: \(reason). `d3llm fetch \(input.name)` replaces it."
                )
            case .whole: whole += 1
            }
        }
        let state: CheckedInput.State =
            if !problems.isEmpty { .damaged } else if whole == input.files.count { .whole } else if whole > 0
            {
                .partial
            } else {
                .absent
            }
        return CheckedInput(input: input, state: state, problems: problems)
    }

    private func place(of file: LockedFile, _ input: LockedInput) -> FilePath {
        settings.place(of: file, input)
    }
}

extension HubSettings {
    /// Where Python and this program look for a file.
    func place(of file: LockedFile, _ input: LockedInput) -> FilePath {
        switch input.origin {
        case .addresses: filesCache.appending(file.sha256 ?? "")
        case .repository(let repository):
            HubFolder(repository, in: hubCache).snapshot(repository.revision, file.path)
        }
    }

    /// How many bytes of a pinned input the cache lacks, told from the sizes of its files without reading them.
    package func missingBytes(of input: LockedInput) -> Int {
        input.files.reduce(0) { sum, file in
            let size = file.size ?? 0
            let there = (try? FileSystem.status(place(of: file, input)))??.size
            let (total, isTooLarge) = sum.addingReportingOverflow(there == size ? 0 : size)
            return isTooLarge ? .max : total
        }
    }
}
