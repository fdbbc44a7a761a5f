import Glibc
import JSON

/// Each benchmark prints one JSON object to standard output: the times of its repetitions in seconds, by figure.
///
///     speed-bench products|step|long|train THREADS REPETITIONS
///     speed-bench decode THREADS REPETITIONS MODEL PROMPTS THRESHOLD GROUP PRECISION
///     speed-bench prompts MODEL PROBLEMS COUNT
///     speed-bench generate FOLDER LAYERS
///     speed-bench load FOLDER PRECISION
///     speed-bench charts FIGURES FOLDER
@main
enum Main {
    static func main() {
        do {
            try run()
        } catch {
            print("\(error)")
            exit(1)
        }
    }

    private static func run() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        func integer(_ index: Int) -> Int { index < arguments.count ? Int(arguments[index]) ?? 0 : 0 }
        let (threads, repetitions) = (max(1, integer(1)), max(1, integer(2)))
        let result: JSONValue
        switch arguments.first {
        case "products": result = try Products.run(threads: threads, repetitions: repetitions)
        case "step": result = try DecodeStep.run(threads: threads, repetitions: repetitions)
        case "long": result = try LongPrompt.run(threads: threads, repetitions: repetitions)
        case "train": result = try TrainingSteps.run(threads: threads, repetitions: repetitions)
        case "decode" where arguments.count == 8:
            result = try WholeDecode.run(Array(arguments[3...]), threads: threads, repetitions: repetitions)
        case "prompts" where arguments.count == 4:
            result = try WholeDecode.prompts(arguments[1], problems: arguments[2], count: integer(3))
        case "generate" where arguments.count == 3:
            result = try BigCheckpoint.generate(arguments[1], layers: integer(2))
        case "load" where arguments.count == 3:
            result = try BigCheckpoint.load(arguments[1], precision: arguments[2])
        case "charts" where arguments.count == 3:
            return try Charts.draw(arguments[1], to: arguments[2])
        default:
            print("see Benchmarks/README.md for the arguments")
            return
        }
        print(String(decoding: try result.compactBytes(), as: UTF8.self))
    }
}
