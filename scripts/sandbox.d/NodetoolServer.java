package org.apache.cassandra.tools; // its probe factory is seen from there alone

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Cassandra's own NodeTool, kept running: most of what a call costs is Java that starts and loads classes, half a second of CPU,
 * and tests make thousands. What it is told and what it says are those of the program.
 *
 * A request is the arguments, each ended by NUL, and one more NUL. The answer is a line "STATUS BYTES BYTES", then as many bytes
 * of standard output and of standard error.
 */
public final class NodetoolServer {
  public static void main(String[] arguments) throws IOException {
    try (ServerSocket server = new ServerSocket()) {
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1])), 200);
      while (true) {
        Socket socket = server.accept();
        Thread thread = new Thread(() -> answer(socket));
        thread.setDaemon(true);
        thread.start();
      }
    }
  }

  private static void answer(Socket socket) {
    try (socket) {
      String[] words = read(new BufferedInputStream(socket.getInputStream()));
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      int status;
      try (PrintStream outPrinter = new PrintStream(out, true, StandardCharsets.UTF_8);
          PrintStream errPrinter = new PrintStream(err, true, StandardCharsets.UTF_8)) {
        INodeProbeFactory probes = new NodeProbeFactory();
        status = new NodeTool(probes, new Output(outPrinter, errPrinter)).execute(words);
      }
      OutputStream answer = socket.getOutputStream();
      answer.write((status + " " + out.size() + " " + err.size() + "\n").getBytes(StandardCharsets.UTF_8));
      out.writeTo(answer);
      err.writeTo(answer);
      answer.flush();
    } catch (IOException gone) {
      // Who asked does not wait any more.
    }
  }

  private static String[] read(InputStream input) throws IOException {
    List<String> words = new ArrayList<>();
    ByteArrayOutputStream word = new ByteArrayOutputStream();
    while (true) {
      int next = input.read();
      if (next < 0) {
        throw new IOException("the request has no end");
      }
      if (next != 0) {
        word.write(next);
      } else if (word.size() == 0) {
        return words.toArray(new String[0]);
      } else {
        words.add(word.toString(StandardCharsets.UTF_8));
        word.reset();
      }
    }
  }
}
