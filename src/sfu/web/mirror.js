// The person's own picture: one <video>, seen in the lobby first, then in the meeting.

const video = document.getElementById("mirror");
let still = 0; // a timer

/** Show the camera (null: none) in this place; to move a player costs less than to begin another. */
export function mirror(camera, place) {
  if (video.parentElement !== place) place.prepend(video);
  if (video.srcObject?.getTracks()[0] !== camera) video.srcObject = camera && new MediaStream([camera]);
  if (camera && video.paused && !still) video.play().catch(() => {}); // shown when the browser lets it
}

/** Stand still for a moment: what it takes to show each frame, others' pictures wait for. */
export function holdStill(ms) {
  clearTimeout(still);
  video.pause();
  still = setTimeout(() => {
    still = 0;
    if (video.srcObject) video.play().catch(() => {});
  }, ms);
}
