internal import Base
internal import Recipes

/// What a job asks the queue for.
package struct Resources: Sendable, Hashable {
    package var partition: String?
    package var account: String?
    package var qos: String?
    /// As Slurm writes it: minutes, `hours:minutes:seconds` or `days-hours:minutes:seconds`.
    package var time: String?
    /// Per node, as Slurm writes it: `16G`.
    package var memory: String?
    /// Threads of a task, or of a rank.
    package var cpusPerTask: Int?
    /// How many nodes an MPI job has.
    package var nodes: Int?
    /// How many ranks an MPI job has.
    package var ranks: Int?

    /// Nothing asked for: the queue's own defaults hold.
    package init() {}

    /// The keys of a site file that the command line can overrule.
    init(_ fields: Fields) {
        partition = fields.optionalString("partition", "The partition that jobs are submitted to.")
        account = fields.optionalString("account", "The account that jobs are charged to.")
        qos = fields.optionalString("qos", "The quality of service of jobs.")
        time = fields.optionalString(
            "time", "The time limit of a job, such as \"12:00:00\" or \"2-00:00:00\".")
        memory = fields.optionalString("memory", "Memory of a job on each node, such as \"16G\".")
        cpusPerTask = fields.optionalInteger(
            "cpusPerTask", in: 1...4096, "CPUs of a task, which are also its threads; 1 where it is left out."
        )
        for flaw in flaws { fields.reject(flaw.key, flaw.message, hint: flaw.hint) }
    }

    /// These, and those of `other` where nothing is asked for here.
    package func completed(by other: Resources) -> Resources {
        var result = self
        result.partition = partition ?? other.partition
        result.account = account ?? other.account
        result.qos = qos ?? other.qos
        result.time = time ?? other.time
        result.memory = memory ?? other.memory
        result.cpusPerTask = cpusPerTask ?? other.cpusPerTask
        result.nodes = nodes ?? other.nodes
        result.ranks = ranks ?? other.ranks
        return result
    }

    /// A value that no line of a script can carry.
    package struct Flaw: Sendable {
        package let key: String
        package let message: String
        package let hint: String
    }

    /// What is wrong with the texts; empty when nothing is.
    package var flaws: [Flaw] {
        var flaws: [Flaw] = []
        func check(_ key: String, _ value: String?, _ hint: String, _ isRight: (String) -> Bool) {
            guard let value, !isRight(value) else { return }
            flaws.append(Flaw(key: key, message: "\"\(value)\" is no value of \"\(key)\".", hint: hint))
        }
        let names = "Names have no spaces, quotes or control characters."
        check("partition", partition, names, ScriptWord.isPlain)
        check("account", account, names, ScriptWord.isPlain)
        check("qos", qos, names, ScriptWord.isPlain)
        check("time", time, "Write minutes, hours:minutes:seconds or days-hours:minutes:seconds.") { text in
            text.unicodeScalars.first.map { ("0"..."9").contains($0) } == true
                && text.utf8.allSatisfy { "0123456789:-".utf8.contains($0) }
        }
        check("memory", memory, "Write a whole number and K, M, G or T, such as 16G.") { text in
            let digits = text.utf8.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            let unit = Substring(text.utf8.dropFirst(digits.count)).byteText
            return !digits.isEmpty && ["", "K", "M", "G", "T"].contains(unit)
        }
        return flaws
    }

    /// The lines of a script, without `#SBATCH`.
    var options: [String] {
        [
            partition.map { "--partition=\($0)" }, account.map { "--account=\($0)" },
            qos.map { "--qos=\($0)" },
            time.map { "--time=\($0)" }, memory.map { "--mem=\($0)" }, nodes.map { "--nodes=\($0)" },
            ranks.map { "--ntasks=\($0)" }, "--cpus-per-task=\(cpusPerTask ?? 1)",
        ].compactMap { $0 }
    }

    /// Options of sbatch that keys of a site file stand for.
    static let keys = [
        "--partition": "partition", "-p": "partition", "--account": "account", "-A": "account",
        "--qos": "qos",
        "-q": "qos", "--time": "time", "-t": "time", "--mem": "memory", "--cpus-per-task": "cpusPerTask",
        "-c": "cpusPerTask",
    ]
}

/// Words of job scripts.
enum ScriptWord {
    /// Whether a text can stand in a line `#SBATCH`, whose quoting differs from the shell's.
    static func isPlain(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && !"\"'\\#`$".unicodeScalars.contains($0)
            }
    }
}
