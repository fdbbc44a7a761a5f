internal import Evaluation
internal import Files
internal import JSON
internal import SystemPackage
internal import Tokenizers

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Tries out the work on problems and on results.
enum DataProbe {
    private static let count = 200

    /// Seconds to generate a problem and to write it as text.
    static func generateProblem() -> Double? {
        guard let task = try? WordProblems(seed: 0) else { return nil }
        return Stopwatch.seconds {
            for problem in (try? task.problems(.train, count: count)) ?? [] {
                _ = try? ProblemFile.value(of: problem).compactBytes()
            }
        } / Double(count)
    }

    /// Seconds to read a problem and to cut it into tokens.
    static func readProblem() -> Double? {
        guard let task = try? WordProblems(seed: 0), let problems = try? task.problems(.train, count: count),
            let tokenizer = try? WordLevelTokenizer.train(
                on: problems.map { $0.prompt() + " " + $0.response })
        else { return nil }
        let lines = problems.compactMap { try? ProblemFile.value(of: $0).compactBytes() }
        return Stopwatch.seconds {
            for line in lines {
                guard let root = try? JSONDocument(parsing: line, name: "probe").root,
                    let problem = ProblemFile.problem(from: root)
                else { continue }
                _ = tokenizer.ids(problem.prompt())
                _ = tokenizer.ids(problem.response)
            }
        } / Double(count)
    }

    /// Seconds per problem, setting and round of the bootstrap.
    static func bootstrap() -> Double? {
        let (problems, settings, rounds) = (400, 10, 40)
        let sweep = Sweep(
            label: "probe",
            settings: (0..<settings).map { setting in
                .init(
                    name: "\(setting)",
                    records: (0..<problems).map { i in
                        SampleRecord(
                            id: "test-\(i)", correct: (i * 7 + setting) % 10 > setting / 2,
                            tokensBeforeEnd: 40,
                            nfe: 40 - 3 * setting, forwards: 40 - 3 * setting, tokensForwarded: 100, text: "",
                            promptHash: "\(i)")
                    })
            })
        return Stopwatch.seconds {
            _ = try? SweepAnalysis([sweep], .init(target: 50, resamples: rounds, seed: 1))
        } / Double(problems * settings * rounds)
    }
}

/// Tries out the disk.
enum DiskProbe {
    /// Seconds to write a megabyte to the disk of a folder, flushed; nil where nothing can be written.
    ///
    /// The file has no name (O_TMPFILE, which Swift does not import): it is gone when it is closed, whatever happens.
    static func writeMegabyte(in folder: FilePath) -> Double? {
        let file = folder.withPlatformString {
            open($0, 0o20_000_000 | O_DIRECTORY | O_WRONLY | O_CLOEXEC, 0o600)
        }
        guard file >= 0 else { return nil }
        defer { close(file) }
        let megabyte = [UInt8](repeating: 0x5A, count: 1_000_000)
        let start = ContinuousClock.now
        var count = 0
        while count < 32, start.duration(to: .now) < .milliseconds(200) {
            guard write(file, megabyte, megabyte.count) == megabyte.count else { return nil }
            count += 1
        }
        guard fsync(file) == 0 else { return nil }
        return start.duration(to: .now).inSeconds / Double(max(1, count))
    }
}
