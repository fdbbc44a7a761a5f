import ArgumentParser
import ArtifactStore
internal import Base
import JSON

/// `d3llm manual` prints the man page; `make man` puts it beside the build.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the manual page in roff, as man reads it.",
        shouldDisplay: false)

    func run() throws {
        try ExitCodes.reporting {
            let help = Array(D3LLM._dumpHelp().utf8)
            let root = JSONValue(try JSONDocument(parsing: help, name: "help").root)
            print(ManualPage(root["command"] ?? .null, version: Version.current).text, terminator: "")
        }
    }
}

/// The manual page, made of what the argument parser says of its own declarations.
struct ManualPage {
    private let command: JSONValue
    private let version: String

    /// - Parameter command: The object `command` of the parser's description of itself.
    init(_ command: JSONValue, version: String) {
        self.command = command
        self.version = version
    }

    /// The page in the roff language of `man`.
    var text: String {
        let name = command["commandName"]?.string ?? ""
        var page = Roff()
        page.request("TH", name.uppercased(), "1", "", "\(name) \(version)", "User Commands")
        page.request("SH", "NAME")
        page.line("\(Roff.escaped(name)) \\- \(Roff.escaped(command["abstract"]?.string ?? ""))")
        page.request("SH", "SYNOPSIS")
        page.line("\\fB\(Roff.escaped(name))\\fR \\fIcommand\\fR [\\fIoptions\\fR]")
        let (description, sections) = Self.sections(of: command["discussion"]?.string ?? "")
        page.request("SH", "DESCRIPTION")
        page.paragraphs(description)
        page.request("SH", "COMMANDS")
        for subcommand in Self.displayed(command["subcommands"]) { add(subcommand, [name], to: &page) }
        for section in sections {
            page.request("SH", section.title == "EXIT CODES" ? "EXIT STATUS" : section.title)
            page.paragraphs(section.body)
        }
        page.request("SH", "ENVIRONMENT")
        page.item(
            "\\fBD3LLM_BLAS_CORE\\fR",
            "The kernels that OpenBLAS is told to use, instead of those that suit the CPU.")
        page.item(
            "\\fBD3LLM_LEVEL\\fR",
            "The instruction level of the kernels: v4, v3 or plain, instead of the best that the CPU has.")
        page.item("\\fBNO_COLOR\\fR", "Where it is set, progress is shown without colours.")
        page.request("SH", "FILES")
        page.item(
            "\\fIstore\\fR",
            "The folder of artifacts in the current folder, unless \\-\\-store names another.",
            isEscaped: true)
        page.request("SH", "SEE ALSO")
        page.line(Roff.escaped("arXiv 2601.07568; docs/configurations.md and docs/json.md of the source."))
        return page.text
    }

    private func add(_ command: JSONValue, _ path: [String], to page: inout Roff) {
        let path = path + [command["commandName"]?.string ?? ""]
        let children = Self.displayed(command["subcommands"])
        guard children.isEmpty else {
            for child in children { add(child, path, to: &page) }
            return
        }
        let arguments = Self.displayed(command["arguments"]).filter {
            Self.name(of: $0) != "--help" && Self.name(of: $0) != "--version"
        }
        page.request("SS", path.joined(separator: " "))
        let synopsis = arguments.map(Self.synopsis).joined(separator: " ")
        page.line("\\fB\(Roff.escaped(path.joined(separator: " ")))\\fR \(synopsis)")
        page.request("PP")
        page.paragraphs(command["abstract"]?.string ?? "")
        page.paragraphs(command["discussion"]?.string ?? "")
        for argument in arguments {
            var help = argument["abstract"]?.string ?? ""
            if let value = argument["defaultValue"]?.string { help += " (default: \(value))" }
            page.item(Self.term(argument), help)
        }
    }

    /// What is to be shown; helpers such as the completion of shells hide themselves.
    private static func displayed(_ list: JSONValue?) -> [JSONValue] {
        (list?.array ?? []).filter {
            $0["shouldDisplay"]?.bool != false && $0["commandName"]?.string != "help"
        }
    }

    private static func name(of argument: JSONValue) -> String? {
        guard let name = argument["preferredName"], let text = name["name"]?.string else { return nil }
        return (name["kind"]?.string == "long" ? "--" : "-") + text
    }

    /// "\fB--set\fR \fIpath=value\fR".
    private static func term(_ argument: JSONValue) -> String {
        let value = "\\fI\(Roff.escaped(argument["valueName"]?.string ?? ""))\\fR"
        guard let name = name(of: argument) else { return value }
        let flag = "\\fB\(Roff.escaped(name))\\fR"
        return argument["kind"]?.string == "flag" ? flag : "\(flag) \(value)"
    }

    private static func synopsis(_ argument: JSONValue) -> String {
        let term = term(argument) + (argument["isRepeating"]?.bool == true ? " ..." : "")
        return argument["isOptional"]?.bool == true ? "[\(term)]" : term
    }

    /// The text before the first line in capitals, and what follows each of those.
    private static func sections(of text: String) -> (String, [(title: String, body: String)]) {
        var description = ""
        var sections: [(title: String, body: String)] = []
        for line in text.byteText.split("\n", keepingEmpty: true).map(\.text) {
            if !line.isEmpty, line.allSatisfy({ $0.isUppercase || $0 == " " }) {
                sections.append((String(line), ""))
            } else if sections.isEmpty {
                description += line + "\n"
            } else {
                sections[sections.count - 1].body += line + "\n"
            }
        }
        return (description, sections)
    }
}

/// Text in roff, line by line.
struct Roff {
    private(set) var text = ""

    /// `.NAME "argument" …`.
    mutating func request(_ name: String, _ arguments: String...) {
        text += ".\(name)" + arguments.map { " \"\(Self.escaped($0))\"" }.joined() + "\n"
    }

    /// A line of text that is escaped already.
    mutating func line(_ line: String) { text += line + "\n" }

    /// An entry of a list: a term that is escaped already, and what it means.
    mutating func item(_ term: String, _ meaning: String, isEscaped: Bool = false) {
        request("TP")
        line(term)
        line(isEscaped ? meaning : Self.escaped(meaning))
    }

    /// Paragraphs apart by empty lines; lines that begin with a space or a digit are a table and stay as they are.
    mutating func paragraphs(_ text: String) {
        var inTable = false
        for line in text.byteText.split("\n", keepingEmpty: true).map(\.text) {
            let isRow = line.unicodeScalars.first.map { $0 == " " || ("0"..."9").contains($0) } == true
            if isRow != inTable, !line.isEmpty {
                request(isRow ? "nf" : "fi")
                inTable = isRow
            }
            if line.isEmpty { request("PP") } else { self.line(Self.escaped(String(line))) }
        }
        if inTable { request("fi") }
        // Empty paragraphs are noise to a checker of the page.
        while self.text.byteText.hasSuffix(".PP\n.PP\n") { self.text.removeLast(4) }
    }

    private static func padded(_ digits: String) -> String {
        String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// With everything that roff takes for its own made plain text.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            case "`": result += "\\(ga"
            case "'": result += "\\(aq"
            // Terminals without Unicode have no character for it.
            case "…": result += "..."
            default:
                // Not every reader of roff takes UTF-8.
                result +=
                    scalar.isASCII
                    ? String(scalar)
                    : "\\[u\(Self.padded(String(scalar.value, radix: 16, uppercase: true)))]"
            }
        }
        return result.utf8.first == UInt8(ascii: ".") ? "\\&" + result : result
    }
}
