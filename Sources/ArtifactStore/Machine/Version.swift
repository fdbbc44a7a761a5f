/// The version of this program, as `d3llm --version` and the records say it.
package enum Version {
    package static let current = "0.1.0"

    /// The compiler that built it, to the minor version: all that Swift tells its source.
    package static let swift: String = {
        #if compiler(>=6.5)
            "6.5 or later"
        #elseif compiler(>=6.4)
            "6.4"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }()
}
