(* T7: R_t increases strictly with t when b1 <> b2 and b1^2 < b2. With p = sqrt b2 and r = b1/p,
   R_t^2 = R_infinity^2 (1 - h_t^2) where h_t = (p^t - r^t) / (1 - (pr)^t), and |h_t| decreases. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam GeometricWeights StepBound.
Open Scope R_scope.

Definition h (p r : R) (t : nat) : R := (p ^ t - r ^ t) / (1 - (p * r) ^ t).

(* The numerator of h_t - h_{t+1}, where a = p^t and b = r^t. *)
Definition gap (p r a b : R) : R := (1 - p) * a * (1 - r * b ^ 2) - (1 - r) * b * (1 - p * a ^ 2).

(** The two identities that carry the induction. *)
Theorem gap_is_difference : forall p r a b,
  (a - b) * (1 - p * a * (r * b)) - (p * a - r * b) * (1 - a * b) = gap p r a b.
Proof. intros. unfold gap. ring. Qed.

Theorem gap_step : forall p r a b,
  gap p r (p * a) (r * b)
  = p * r * gap p r a b + (1 - p) * (1 - r) * (p * a - r * b) * (1 - p * a * (r * b)).
Proof. intros. unfold gap. ring. Qed.

Lemma pow_lt_pow : forall r p n, 0 <= r < p -> r ^ S n < p ^ S n.
Proof.
  intros r p n H. induction n as [|n IH]; [simpl; lra|].
  change (r * r ^ S n < p * p ^ S n). pose proof (pow_le r (S n) ltac:(lra)). nra.
Qed.

Lemma product_below_1 : forall x y, 0 <= x < 1 -> 0 <= y < 1 -> 0 <= x * y < 1.
Proof. intros. nra. Qed.

Lemma gap_pos : forall p r n, 0 <= r < p -> p < 1 -> 0 < gap p r (p ^ S n) (r ^ S n).
Proof.
  intros p r n Hr Hp.
  assert (extra : forall k, 0 < (1 - p) * (1 - r) * (p ^ S k - r ^ S k) * (1 - p ^ S k * r ^ S k)).
  { intros k. pose proof (pow_lt_pow r p k Hr).
    pose proof (product_below_1 _ _ (pow_below_1 p (S k) ltac:(lra) ltac:(lia))
                                    (pow_below_1 r (S k) ltac:(lra) ltac:(lia))).
    repeat apply Rmult_lt_0_compat; lra. }
  induction n as [|n IH].
  - pose proof (extra 0%nat) as E. simpl pow in *. rewrite gap_step.
    replace (gap p r 1 1) with 0 by (unfold gap; ring). lra.
  - change (p ^ S (S n)) with (p * p ^ S n). change (r ^ S (S n)) with (r * r ^ S n).
    rewrite gap_step. pose proof (extra (S n)) as E. simpl pow in *.
    assert (0 <= p * r) by nra. nra.
Qed.

Lemma h_decreases : forall p r t, 0 <= r < p -> p < 1 -> (1 <= t)%nat ->
  0 <= h p r (S t) < h p r t.
Proof.
  intros p r t Hr Hp Ht. destruct t as [|n]; [lia|].
  pose proof (gap_pos p r n Hr Hp) as G. rewrite <- gap_is_difference in G.
  pose proof (pow_lt_pow r p (S n) Hr) as L.
  assert (below : forall k, 0 <= (p * r) ^ S k < 1)
    by (intros k; apply pow_below_1; [apply product_below_1; lra | lia]).
  pose proof (below n) as D. pose proof (below (S n)) as D'.
  clear below. unfold h. rewrite !Rpow_mult_distr in *.
  change (p ^ S (S n)) with (p * p ^ S n) in *. change (r ^ S (S n)) with (r * r ^ S n) in *.
  set (a := p ^ S n) in *. set (b := r ^ S n) in *. split.
  - left. apply Rdiv_lt_0_compat; lra.
  - apply Rmult_lt_reg_r with ((1 - a * b) * (1 - p * a * (r * b)));
      [apply Rmult_lt_0_compat; lra|].
    replace ((p * a - r * b) / (1 - p * a * (r * b)) * ((1 - a * b) * (1 - p * a * (r * b))))
      with ((p * a - r * b) * (1 - a * b)) by (field; lra).
    replace ((a - b) / (1 - a * b) * ((1 - a * b) * (1 - p * a * (r * b))))
      with ((a - b) * (1 - p * a * (r * b))) by (field; lra).
    lra.
Qed.

Lemma h_swap : forall p r t, h r p t ^ 2 = h p r t ^ 2.
Proof. intros. unfold h. rewrite (Rmult_comm r p). unfold Rdiv. ring. Qed.

Lemma h_sq_decreases : forall p r t, 0 <= p < 1 -> 0 <= r < 1 -> p <> r -> (1 <= t)%nat ->
  h p r (S t) ^ 2 < h p r t ^ 2.
Proof.
  intros p r t Hp Hr Hne Ht. destruct (Rtotal_order p r) as [C|[C|C]]; [|contradiction|].
  - rewrite <- !(h_swap p r). pose proof (h_decreases r p t ltac:(lra) ltac:(lra) Ht). nra.
  - pose proof (h_decreases p r t ltac:(lra) ltac:(lra) Ht). nra.
Qed.

Lemma R_sq_from_h : forall p r t, 0 < p < 1 -> 0 <= r < 1 -> (1 <= t)%nat ->
  R_sq (p * r) (p * p) t = R_inf_sq (p * r) (p * p) * (1 - h p r t ^ 2).
Proof.
  intros p r t Hp Hr Ht. pose proof (product_below_1 p r ltac:(lra) Hr) as Hpr.
  pose proof (product_below_1 p p ltac:(lra) ltac:(lra)) as Hpp.
  pose proof (product_below_1 r r Hr Hr) as Hrr. assert (0 < p * p) by nra.
  assert (Hlt : (p * r) ^ 2 < p * p).
  { replace ((p * r) ^ 2) with (p * p * (r * r)) by ring.
    rewrite <- (Rmult_1_r (p * p)) at 2. apply Rmult_lt_compat_l; lra. }
  rewrite R_sq_closed; try assumption; [|split; lra].
  replace ((p * r) ^ 2 / (p * p)) with (r * r) by (field; lra).
  pose proof (pow_below_1 _ t Hpr Ht) as D. unfold h. rewrite !Rpow_mult_distr in *.
  f_equal. field. lra.
Qed.

Theorem R_increases : forall b1 b2 t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> b1 ^ 2 < b2 -> b1 <> b2 -> (1 <= t)%nat ->
  R_of b1 b2 t < R_of b1 b2 (S t).
Proof.
  intros b1 b2 t H1 H2 Hlt Hne Ht. assert (Hr : rates b1 b2) by (split; lra).
  pose proof (R_inf_sq_pos b1 b2 Hr Hlt) as HR. pose proof (R_sq_pos b1 b2 t Hr Ht) as HP.
  assert (Hp : 0 < sqrt b2) by (apply sqrt_lt_R0; lra).
  assert (E2 : sqrt b2 * sqrt b2 = b2) by (apply sqrt_sqrt; lra).
  set (p := sqrt b2) in *. set (r := b1 / p).
  assert (E1 : p * r = b1) by (unfold r; field; lra).
  assert (Hp1 : p < 1) by nra.
  assert (Hr0 : 0 <= r) by (apply Rmult_le_pos; [|left; apply Rinv_0_lt_compat]; lra).
  assert (Hr1 : r < 1).
  { destruct (Rlt_le_dec r 1) as [|C]; [assumption|]. assert (p <= b1) by nra. nra. }
  assert (Hpr : p <> r) by (intros E; apply Hne; rewrite <- E1, <- E2, <- E; reflexivity).
  apply sqrt_lt_1_alt. split; [lra|].
  assert (form : forall s, (1 <= s)%nat -> R_sq b1 b2 s = R_inf_sq b1 b2 * (1 - h p r s ^ 2))
    by (intros s Hs; rewrite <- E1, <- E2; apply R_sq_from_h; lra || assumption).
  rewrite !form by lia.
  apply Rmult_lt_compat_l; [assumption|].
  pose proof (h_sq_decreases p r t ltac:(lra) ltac:(lra) Hpr Ht). lra.
Qed.

Corollary R_monotone : forall b1 b2 s t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> b1 ^ 2 < b2 -> b1 <> b2 -> (1 <= s <= t)%nat ->
  R_of b1 b2 s <= R_of b1 b2 t.
Proof.
  intros b1 b2 s t H1 H2 Hlt Hne [Hs Hst]. induction Hst as [|t Hst IH]; [lra|].
  pose proof (R_increases b1 b2 t H1 H2 Hlt Hne ltac:(lia)). lra.
Qed.

Print Assumptions gap_is_difference.
Print Assumptions gap_step.
Print Assumptions R_increases.
Print Assumptions R_monotone.
