/// A function of a program whose answers somebody else compares with the right ones.
///
/// The function and what it is compared with never share a process: the program's process knows the inputs, the grader's
/// gets the answers as plain values. Whatever a program does to its own interpreter, it has to give the right answers.
package struct ComparedFunction: Sendable, Hashable {
    /// The name of the function.
    package let entryPoint: String
    /// Python that gives `inputs`, a list of lists of arguments.
    package let inputs: String
    /// Python that gives `judge`, a function of an iterator over the answers.
    ///
    /// It raises where one is wrong, returns True when it has compared all, and False where answers are missing.
    package let grader: String
    /// Whether an answer that can be walked through once, such as a generator, counts as the values that it gives.
    package let takesIterators: Bool

    package init(entryPoint: String, inputs: String, grader: String, takesIterators: Bool = false) {
        self.entryPoint = entryPoint
        self.inputs = inputs
        self.grader = grader
        self.takesIterators = takesIterators
    }
}
